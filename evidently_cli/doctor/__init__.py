"""
Look at whether telemetry can work on this machine, and say what mends it.

`gathering` looks and changes nothing, `facts` is what it has seen; `place`, `content`, `network` and `script` decide
what that means, and `mending` mends what is safely mended. Nothing here sends an event.
"""
