/* SPDX-License-Identifier: MIT */
/*
 * ledger.cpp - C++ with curlpp: posts an entry to a business's journal, and prints its chart of
 * accounts. Usage: ledger BUSINESS_ID
 *
 *     c++ -std=c++17 ledger.cpp $(pkg-config --cflags --libs thred-auth libcurl) -lcurlpp -o ledger
 *     ./ledger 3c90c3cc-0d44-4b50-8888-8dd25736052a
 *
 * The business stands in the path, so that the requests carry its own token, never the partner's.
 */
#include <curlpp/Easy.hpp>
#include <curlpp/Exception.hpp>
#include <curlpp/Infos.hpp>
#include <curlpp/Options.hpp>
#include <curlpp/cURLpp.hpp>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>

#include <thred/thred.h>

namespace options = curlpp::options;

/* A handle of curlpp's with its bearers. The members go in the reverse order of their declaration:
 * detach, then cleanup, then the headers, which stay the program's and must outlive the handle. */
class ThredRequest
{
public:
  explicit ThredRequest(const std::string &url) : attached(easy.getHandle())
  {
    easy.setOpt(options::Url(url));
    if (const char *bundle = std::getenv("CURL_CA_BUNDLE")) /* as curl(1) does, for the emulator */
      easy.setOpt(options::CaInfo(bundle));
  }

  /* In place of options::HttpHeader, which would put the list where thred-auth has its own. */
  void header(const std::string &line)
  {
    curl_slist *longer = curl_slist_append(headers.get(), line.c_str());
    if (!longer)
      throw std::bad_alloc();
    headers.release();
    headers.reset(longer);
    check(thred_curl_set_headers(easy.getHandle(), longer));
  }

  void body(const std::string &text)
  {
    easy.setOpt(options::PostFields(text));
    easy.setOpt(options::PostFieldSize(static_cast<long>(text.size())));
  }

  /* The answer's body. A status of 400 or more is an exception. */
  std::string perform()
  {
    std::ostringstream answer;
    easy.setOpt(options::WriteStream(&answer));
    easy.perform();
    const long status = curlpp::infos::ResponseCode::get(easy);
    if (status >= 400)
      throw std::runtime_error("status " + std::to_string(status) + ": " + answer.str());
    return answer.str();
  }

private:
  static void check(int error)
  {
    if (error != THRED_OK)
      throw std::runtime_error(thred_last_message());
  }

  class Attached
  {
  public:
    explicit Attached(CURL *handle) : curl(handle)
    {
      check(thred_curl_attach(curl));
    }
    ~Attached()
    {
      thred_curl_detach(curl);
    }
    Attached(const Attached &) = delete;
    Attached &operator=(const Attached &) = delete;

  private:
    CURL *curl;
  };

  struct FreeList {
    void operator()(curl_slist *list) const
    {
      curl_slist_free_all(list);
    }
  };

  std::unique_ptr<curl_slist, FreeList> headers;
  curlpp::Easy easy;
  Attached attached;
};

static void run(const std::string &business)
{
  const std::string ledger =
      "https://sandbox.thredfi.com/v1/platform/businesses/" + business + "/general-ledger/";

  ThredRequest entry(ledger + "journal-entries/");
  entry.header("Content-Type: application/json");
  /* Sent again after a 401, it is the same entry: Thred takes a key once. */
  entry.header("Idempotency-Key: ledger-example-1");
  entry.body(R"({"memo": "coffee", "amount": 350, "currency": "USD"})");
  std::cout << entry.perform() << '\n';

  ThredRequest accounts(ledger + "chart-of-accounts/");
  std::cout << accounts.perform() << '\n';
}

int main(int argc, char **argv)
{
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " BUSINESS_ID\n";
    return 2;
  }
  try {
    curlpp::Cleanup cleanup;
    run(argv[1]);
  } catch (const std::exception &error) { /* curlpp's are std::exceptions, too */
    std::cerr << "ledger: " << error.what() << '\n';
    return 1;
  }
}
