# SPDX-License-Identifier: MIT
# client.R - R's package curl, as binding.sh asks; "download" is what R brings itself.
arguments <- commandArgs(trailingOnly = TRUE)
mode <- arguments[1]
rest <- arguments[-1]

handle <- function(...) {
  handle <- curl::new_handle(...)
  bundle <- Sys.getenv("CURL_CA_BUNDLE")
  if (nzchar(bundle)) curl::handle_setopt(handle, cainfo = bundle)
  handle
}

status <- function(url, handle) {
  tryCatch(curl::curl_fetch_memory(url, handle = handle)$status_code, error = conditionMessage)
}

content <- function(path) readBin(path, "raw", file.size(path))

modes <- list(
  easy = function(...) {
    handle <- handle()
    sapply(list(...), status, handle)
  },
  multi = function(...) {
    urls <- c(...)
    statuses <- character(length(urls))
    pool <- curl::new_pool()
    for (i in seq_along(urls)) local({
      place <- i
      note <- function(text) statuses[place] <<- text
      curl::multi_add(handle(url = urls[place]), pool = pool,
        done = function(answer) note(answer$status_code), fail = note)
    })
    curl::multi_run(pool = pool)
    statuses
  },
  post = function(path, url) {
    status(url, handle(post = TRUE, postfieldsize = file.size(path), postfields = content(path)))
  },
  form = function(path, url) {
    handle <- handle()
    curl::handle_setform(handle, text = "value", file = curl::form_file(path, "application/octet-stream"))
    status(url, handle)
  },
  upload = function(path, url) {
    left <- content(path)
    take <- function(size) {
      piece <- utils::head(left, size)
      left <<- utils::tail(left, -length(piece))
      piece
    }
    status(url, handle(upload = TRUE, customrequest = "POST", readfunction = take))
  },
  download = function(...) {
    sapply(c(...), function(url) {
      file <- tempfile()
      tryCatch(if (utils::download.file(url, file, "libcurl", quiet = TRUE) == 0) 200 else "failed",
        error = conditionMessage, warning = conditionMessage)
    })
  }
)
cat(do.call(modes[[mode]], as.list(rest)))
cat("\n")
