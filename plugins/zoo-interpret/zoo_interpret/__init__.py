"""Interpreters: heat maps that say why."""
