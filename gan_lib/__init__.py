"""Generative adversarial networks: small, exact, documented parts that every page of the course imports."""
