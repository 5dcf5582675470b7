"""Result records in, pages and files out."""
