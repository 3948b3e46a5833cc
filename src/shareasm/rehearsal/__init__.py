"""The rehearsal: stand-in networks that speak real HTTP on loopback, an audience, faults on request and a fast clock.

Stands beside `worker` and may know every part; nothing else in shareasm knows it. The stand-ins keep the networks'
rules as strictly as the real servers do, so that what passes here is not flattered.
"""
