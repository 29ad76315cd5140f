"""Forty-odd plugins that are broken, careless or rude, each a distribution that is really there."""
