"""Showing licences 亮证: the holder picks licences and claims, a code opens exactly these, once, within a minute."""
