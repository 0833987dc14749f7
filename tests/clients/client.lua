-- SPDX-License-Identifier: MIT
-- client.lua - Lua-cURL, as binding.sh asks; it knows easy handles alone. Beside that:
--   jump write|header|read URL   that function of the program calls error(), which leaves curl_easy_perform
--                                by longjmp(3); then the handle once more, then another one
local curl = require "curl"

-- The binding has no getinfo: a handle's status is what its last answer began with.
local last_status = {}

local function handle(url)
  local easy = curl.easy_init()
  easy:setopt(curl.OPT_URL, url)
  if os.getenv("CURL_CA_BUNDLE") then
    easy:setopt(curl.OPT_CAINFO, os.getenv("CURL_CA_BUNDLE"))
  end
  easy:setopt(curl.OPT_WRITEFUNCTION, function(data) return #data, nil end)
  easy:setopt(curl.OPT_HEADERFUNCTION, function(line)
    last_status[easy] = line:match("^HTTP/%S+ (%d+)") or last_status[easy]
    return #line, nil
  end)
  return easy
end

local function perform(easy)
  local code, message = easy:perform()
  return code == 0 and last_status[easy] or message
end

local function content(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- Hands out the text, once.
local function reads(easy, text)
  easy:setopt(curl.OPT_UPLOAD, 1)
  easy:setopt(curl.OPT_CUSTOMREQUEST, "POST")
  easy:setopt(curl.OPT_READFUNCTION, function(size)
    local piece = text:sub(1, size)
    text = text:sub(size + 1)
    return #piece, piece
  end)
end

local modes = {}

function modes.easy(...)
  local easy, statuses = handle((...)), {}
  for i, url in ipairs({...}) do
    easy:setopt(curl.OPT_URL, url)
    statuses[i] = perform(easy)
  end
  return table.concat(statuses, " ")
end

function modes.post(path, url)
  local easy, text = handle(url), content(path)
  easy:setopt(curl.OPT_POST, 1)
  easy:setopt(curl.OPT_POSTFIELDSIZE, #text)
  easy:setopt(curl.OPT_POSTFIELDS, text)
  return perform(easy)
end

function modes.upload(path, url)
  local easy = handle(url)
  reads(easy, content(path))
  return perform(easy)
end

function modes.jump(from, url)
  local easy = handle(url)
  local function jump(line)
    -- Not a proxy's answer, nor one that may be followed by another.
    if from == "header" and not line:match("^HTTP/1.1 2%d%d ") then
      return #line, nil
    end
    error("jumped")
  end
  if from == "read" then
    reads(easy, "text")
  end
  easy:setopt(curl["OPT_" .. from:upper() .. "FUNCTION"], jump)
  local _, message = pcall(easy.perform, easy)
  local again = perform(easy)
  return table.concat({message:match("jumped"), again, perform(handle(url))}, ", ")
end

print(modes[arg[1]](unpack(arg, 2)))
