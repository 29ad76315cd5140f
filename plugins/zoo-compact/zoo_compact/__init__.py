"""Small backbones that train from scratch in minutes."""
