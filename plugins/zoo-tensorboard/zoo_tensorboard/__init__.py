"""TensorBoard logs of every training run."""
