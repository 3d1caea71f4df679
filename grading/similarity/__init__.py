"""What two hand-ins of a lab share beyond chance and the released code; people look and decide.

`pieces` takes a notebook apart, `winnowing` fingerprints it, `compare` finds the pairs; all three
are pure. `collected` reads what was handed in.
"""
