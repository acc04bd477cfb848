"""The license and the moment that most tests are about."""

NOW = 1_795_513_620  # 2026-11-24T09:47:00Z
DAY = 86_400  # seconds
PRODUCT = "Example Modeler"
NUMBER = "015120020093"
CODE = "m9s346-q3d25v-t4f5v3-7e3s3e-28jt9v"  # as a letter shows it
BARE_CODE = "M9S346Q3D25VT4F5V37E3S3E28JT9V"  # as it is hashed
