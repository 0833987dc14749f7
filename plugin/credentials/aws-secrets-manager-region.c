/* SPDX-License-Identifier: MIT */
/* Where the secret is: the first that names a region. */
#include <string.h>

#include "plugin/credentials/aws-secrets-manager.h"

bool aws_is_region(AwsSpan region)
{
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
  if (region.length == 0 || region.length > AWS_REGION_MAX)
    return false;
  for (size_t i = 0; i < region.length; i++)
    if (!memchr(letters, region.at[i], sizeof letters - 1))
      return false;
  return region.at[0] != '-' && region.at[region.length - 1] != '-';
}

static ThredCredentialStatus take(AwsCall *call, const char *where, AwsSpan region)
{
  if (!region.at)
    return THRED_CREDENTIAL_NOTFOUND;
  if (!aws_is_region(region))
    return aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                    "%s is not the name of a region (like eu-central-1)", where);
  memcpy(call->region, region.at, region.length);
  return THRED_CREDENTIAL_SUCCESS;
}

static ThredCredentialStatus from_variable(AwsCall *call, const char *name)
{
  return take(call, name, aws_span(aws_variable(call->host, name)));
}

bool aws_is_arn(const char *secret_id)
{
  return strncmp(secret_id, "arn:", 4) == 0;
}

/* arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME */
static ThredCredentialStatus from_arn(AwsCall *call)
{
  const char *at = call->options->secret_id;
  if (!aws_is_arn(at))
    return THRED_CREDENTIAL_NOTFOUND;
  for (int colons = 0; at && colons < 3; colons++)
    at = (at = strchr(at, ':')) ? at + 1 : NULL;
  return take(call, "the region in secret-id",
              at ? (AwsSpan){at, strcspn(at, ":")} : (AwsSpan){"", 0});
}

/* Another region's endpoint has no secret of this ARN: the environment, which is meant for other
 * programs too, does not go before it. */
ThredCredentialStatus aws_region(AwsCall *call)
{
  ThredCredentialStatus status = take(call, "the option region", aws_span(call->options->region));
  if (status == THRED_CREDENTIAL_NOTFOUND)
    status = from_arn(call);
  if (status == THRED_CREDENTIAL_NOTFOUND)
    status = from_variable(call, "AWS_REGION");
  if (status == THRED_CREDENTIAL_NOTFOUND)
    status = from_variable(call, "AWS_DEFAULT_REGION");
  if (status == THRED_CREDENTIAL_NOTFOUND)
    status = aws_region_profile(call);
  if (status == THRED_CREDENTIAL_NOTFOUND)
    status = aws_region_instance(call);
  if (status == THRED_CREDENTIAL_NOTFOUND)
    return aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                    "no AWS region: set the option region, or AWS_REGION, or the region of the "
                    "profile in the AWS config file, or give secret-id as an ARN");
  return status;
}
