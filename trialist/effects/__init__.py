"""What each dial does: importance, interactions, slices and single dials swept, as functions of a history."""
