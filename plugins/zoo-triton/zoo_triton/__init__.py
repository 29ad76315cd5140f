"""Triton server configuration beside every exported model."""
