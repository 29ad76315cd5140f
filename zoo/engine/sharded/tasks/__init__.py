"""What workers do, a file for each kind of job."""
