/* SPDX-License-Identifier: MIT */
/* client-curlpp - curlpp, as binding.sh asks. */
#include <curlpp/Easy.hpp>
#include <curlpp/Exception.hpp>
#include <curlpp/Form.hpp>
#include <curlpp/Infos.hpp>
#include <curlpp/Multi.hpp>
#include <curlpp/Options.hpp>
#include <curlpp/cURLpp.hpp>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sys/select.h>

namespace options = curlpp::options;
using Words = std::vector<std::string>;

static std::unique_ptr<curlpp::Easy> handle(const std::string &url)
{
  auto easy = std::make_unique<curlpp::Easy>();
  easy->setOpt(options::Url(url));
  if (const char *bundle = std::getenv("CURL_CA_BUNDLE"))
    easy->setOpt(options::CaInfo(bundle));
  easy->setOpt(
      options::WriteFunction([](char *, size_t size, size_t items) { return size * items; }));
  return easy;
}

static std::string status_of(const curlpp::Easy &easy)
{
  return std::to_string(curlpp::infos::ResponseCode::get(easy));
}

static std::string perform(curlpp::Easy &easy)
{
  try {
    easy.perform();
  } catch (const curlpp::LibcurlRuntimeError &error) {
    return error.what();
  }
  return status_of(easy);
}

static std::string content(const std::string &path)
{
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

static Words one_after_another(const Words &urls)
{
  Words statuses;
  auto easy = handle(urls[0]);
  for (const auto &url : urls) {
    easy->setOpt(options::Url(url));
    statuses.push_back(perform(*easy));
  }
  return statuses;
}

static void wait_for(curlpp::Multi &multi)
{
  fd_set in, out, other;
  int highest = -1;
  FD_ZERO(&in);
  FD_ZERO(&out);
  FD_ZERO(&other);
  multi.fdset(&in, &out, &other, &highest);
  timeval patience = {0, 20000};
  select(highest + 1, &in, &out, &other, &patience);
}

static Words at_once(const Words &urls)
{
  curlpp::Multi multi;
  std::vector<std::unique_ptr<curlpp::Easy>> handles;
  std::map<const curlpp::Easy *, std::string> statuses;
  for (const auto &url : urls) {
    handles.push_back(handle(url));
    multi.add(handles.back().get());
  }
  int running = 1;
  while (running > 0) {
    while (!multi.perform(&running))
      continue;
    for (const auto &[easy, message] : multi.info())
      statuses[easy] = message.code ? curl_easy_strerror(message.code) : status_of(*easy);
    if (running > 0)
      wait_for(multi);
  }
  Words in_order;
  for (const auto &easy : handles) {
    in_order.push_back(statuses[easy.get()]);
    multi.remove(easy.get());
  }
  return in_order;
}

static std::string post(const std::string &path, const std::string &url)
{
  auto easy = handle(url);
  std::string text = content(path);
  easy->setOpt(options::PostFieldSize(static_cast<long>(text.size())));
  easy->setOpt(options::PostFields(text));
  return perform(*easy);
}

static std::string form(const std::string &path, const std::string &url)
{
  auto easy = handle(url);
  curlpp::Forms parts;
  parts.push_back(new curlpp::FormParts::Content("text", "value"));
  parts.push_back(new curlpp::FormParts::File("file", path, "application/octet-stream"));
  easy->setOpt(options::HttpPost(parts));
  return perform(*easy);
}

static std::string upload(const std::string &path, const std::string &url)
{
  auto easy = handle(url);
  std::string left = content(path);
  easy->setOpt(options::Upload(true));
  easy->setOpt(options::CustomRequest("POST"));
  easy->setOpt(options::ReadFunction([&left](char *buffer, size_t size, size_t items) {
    size_t length = left.copy(buffer, size * items);
    left.erase(0, length);
    return length;
  }));
  return perform(*easy);
}

static Words run(const std::string &mode, const Words &words)
{
  if (mode == "easy")
    return one_after_another(words);
  if (mode == "multi")
    return at_once(words);
  auto send = mode == "post" ? post : mode == "form" ? form : upload;
  return {send(words[0], words[1])};
}

int main(int argc, char **argv)
{
  if (argc < 3)
    return 2;
  curlpp::Cleanup cleanup;
  Words statuses = run(argv[1], Words(argv + 2, argv + argc));
  for (size_t i = 0; i < statuses.size(); i++)
    std::cout << (i ? " " : "") << statuses[i];
  std::cout << std::endl;
}
