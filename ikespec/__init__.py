"""The ikespec command."""
