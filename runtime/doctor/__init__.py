"""What goes wrong in practice: checks of a machine, the faults they find, and the way out."""
