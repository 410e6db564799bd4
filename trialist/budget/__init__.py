"""What may still be spent: expected costs, what running trials hold of a budget, forecasts. Functions of a history."""
