"""What the trials say: histories as features and evidence, and the processes fitted to them."""
