"""Doctor: everything looked over before the day, each thing green, yellow or red, with what to do.

`examining` runs the examinations side by side, `accounts` and `machine` are what they look at, `trial` sends a real post and
takes it back. Nothing of it reaches the campaign's store or recap.
"""

from shareasm.doctor.examining import examine as examine
from shareasm.doctor.findings import Finding as Finding
from shareasm.doctor.findings import Light as Light
from shareasm.doctor.findings import lines as lines
from shareasm.doctor.findings import to_facts as to_facts
from shareasm.doctor.findings import worst as worst
from shareasm.doctor.materials import Examined as Examined
from shareasm.doctor.materials import Materials as Materials
from shareasm.doctor.trial import take_back_leftovers as take_back_leftovers
from shareasm.doctor.trial import try_posts as try_posts
