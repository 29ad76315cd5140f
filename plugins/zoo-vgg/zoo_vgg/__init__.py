"""VGG backbones, plain and with batch normalisation."""
