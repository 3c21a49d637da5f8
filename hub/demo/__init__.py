"""The demonstration: a throw-away hub with the sample city, walked through one case step by step over HTTP."""
