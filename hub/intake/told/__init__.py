"""What happens in a case, in its order: its system is told, and can read what it missed."""
