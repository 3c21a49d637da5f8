"""One form 一表 of a case or of a family: filled from what was disclosed to it already, completed once, signed once."""
