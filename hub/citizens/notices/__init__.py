"""Notices 通知: a holder is told that something happened. Never what is in it: that he sees when he is signed in."""
