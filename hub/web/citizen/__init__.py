"""Pages of holders: signing in, their licences, the code that they show, who looked."""
