"""Inception backbones."""
