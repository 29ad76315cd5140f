"""Whether an explanation deserves trust: what happens when what it names is taken away."""
