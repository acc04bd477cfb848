"""The public names, whose modules are imported when they are first used."""

import keyferry

hiddenimports = sorted(set(keyferry._HOMES.values()))
