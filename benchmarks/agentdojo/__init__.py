"""The bundled policies on AgentDojo's tasks, played by their own ground truth."""
