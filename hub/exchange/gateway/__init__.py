"""The provincial gateway's dialect towards consumers."""
