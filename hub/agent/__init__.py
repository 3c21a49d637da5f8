"""The program that runs beside a department's source, in a network that only lets calls out (`yizheng agent`).

Of the hub it knows this package, the clock and durable files: no database, no web server, no settings.
"""
