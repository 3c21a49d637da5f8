"""Scenario packs 场景包: a life event with its departments, registers and people, run on a throw-away hub."""
