# SPDX-License-Identifier: MIT
# A program that knows nothing of Thred: for each URL that it reads, the status of the answer.
import os
import sys

import pycurl

curl = pycurl.Curl()
curl.setopt(pycurl.CAINFO, os.environ["CURL_CA_BUNDLE"])
curl.setopt(pycurl.WRITEFUNCTION, lambda data: None)
for url in sys.stdin:
    curl.setopt(pycurl.URL, url.strip())
    curl.perform()
    print(curl.getinfo(pycurl.RESPONSE_CODE), flush=True)
