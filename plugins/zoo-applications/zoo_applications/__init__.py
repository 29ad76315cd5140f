"""The backbones of keras.applications."""
