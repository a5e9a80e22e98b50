"""A site for demo and tests: a real Slurm of several nodes on this host, and the processes of Slipway beside it."""
