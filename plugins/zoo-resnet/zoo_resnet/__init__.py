"""ResNet backbones, as torchvision and timm train them."""
