"""The built-in reference device: our own implementation as a device under test, and its defective relatives."""
