"""AWS's list prices, from which attack_bill.py and costs.py compute.

US dollars in us-east-1, on demand, by AWS's public price lists as we knew them on 30 November 2026.
Compare them with today's and your region's.
"""

MILLION = 1e6

# https://aws.amazon.com/cloudfront/pricing/
CLOUDFRONT_CALL = 1.00 / MILLION
CLOUDFRONT_GB = 0.085
# https://aws.amazon.com/api-gateway/pricing/
HTTP_API_CALL = 1.00 / MILLION
# https://aws.amazon.com/lambda/pricing/
LAMBDA_RUN = 0.20 / MILLION
LAMBDA_GB_S = 0.0000133334  # arm64
# https://aws.amazon.com/dynamodb/pricing/on-demand/
READ_UNIT = 0.125 / MILLION  # up to 4 KB; twice that in a transaction
WRITE_UNIT = 0.625 / MILLION  # up to 1 KB; twice that in a transaction
TABLE_GB_MONTH = 0.25
TABLE_RECOVERY_GB_MONTH = 0.20  # point-in-time recovery
# https://aws.amazon.com/s3/pricing/
S3_PUT = 5.00 / MILLION  # POST, too
S3_GET = 0.40 / MILLION  # HEAD, too
S3_GB_MONTH = 0.023
S3_GB_OUT = 0.09
# https://aws.amazon.com/sqs/pricing/
SQS_CALL = 0.40 / MILLION
# https://aws.amazon.com/kms/pricing/
SIGNATURE = 0.15 / 10_000  # Ed25519 or ML-DSA-65
KEY_MONTH = 1.00
# https://aws.amazon.com/ses/pricing/
MAIL = 0.10 / 1000
# https://aws.amazon.com/cloudwatch/pricing/
LOG_GB = 0.50
ALARM_MONTH = 0.10
METRIC_MONTH = 0.30  # for the hours in which it got a value
# https://aws.amazon.com/eventbridge/pricing/
EVENT = 1.00 / MILLION  # of one's own, up to 64 KB; a rule that matches costs nothing
# https://aws.amazon.com/secrets-manager/pricing/
SECRET_MONTH = 0.40
