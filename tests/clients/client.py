# SPDX-License-Identifier: MIT
"""client.py - pycurl, as binding.sh asks; "events" is "multi" with socket and timer callbacks and epoll."""
import os
import select
import sys
import time

import pycurl


def handle(url):
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    if "CURL_CA_BUNDLE" in os.environ:
        curl.setopt(pycurl.CAINFO, os.environ["CURL_CA_BUNDLE"])
    curl.setopt(pycurl.WRITEFUNCTION, lambda data: None)
    return curl


def perform(curl):
    try:
        curl.perform()
    except pycurl.error as error:
        return error.args[1]
    return curl.getinfo(pycurl.RESPONSE_CODE)


def easy(*urls):
    curl, statuses = handle(urls[0]), []
    for url in urls:
        curl.setopt(pycurl.URL, url)
        statuses.append(perform(curl))
    return statuses


def multi(*urls):
    """Until nothing runs any more, without a look at what libcurl tells of each."""
    together = pycurl.CurlMulti()
    handles = [handle(url) for url in urls]
    for curl in handles:
        together.add_handle(curl)
    running = True
    while running:
        _, running = together.perform()
        if running:
            together.select(1.0)
    return [curl.getinfo(pycurl.RESPONSE_CODE) for curl in handles]


def finished(together, statuses):
    """Takes what is over out of the multi handle, and its status down."""
    left, good, bad = together.info_read()
    for curl in good:
        statuses[curl] = curl.getinfo(pycurl.RESPONSE_CODE)
    for curl, _, message in bad:
        statuses[curl] = message
    for curl in good + [one[0] for one in bad]:
        together.remove_handle(curl)
    if left:
        finished(together, statuses)


class Loop:
    """An event loop as libcurl's manual wants it (libcurl-multi(3), "MULTI_SOCKET")."""

    def __init__(self, together):
        self.together, self.epoll = together, select.epoll()
        self.watched, self.deadline = set(), None
        together.setopt(pycurl.M_SOCKETFUNCTION, self.watch)
        together.setopt(pycurl.M_TIMERFUNCTION, self.set_timer)

    def watch(self, event, descriptor, multi, data):
        if event == pycurl.POLL_REMOVE:
            self.epoll.unregister(descriptor)
            self.watched.discard(descriptor)
            return
        mask = (select.EPOLLIN if event & pycurl.POLL_IN else 0) | (
            select.EPOLLOUT if event & pycurl.POLL_OUT else 0
        )
        (self.epoll.modify if descriptor in self.watched else self.epoll.register)(descriptor, mask)
        self.watched.add(descriptor)

    def set_timer(self, milliseconds):
        self.deadline = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def turn(self):
        wait = 1.0 if self.deadline is None else max(0, self.deadline - time.monotonic())
        ready = self.epoll.poll(wait)
        for descriptor, mask in ready:
            action = (pycurl.CSELECT_IN if mask & (select.EPOLLIN | select.EPOLLHUP) else 0) | (
                pycurl.CSELECT_OUT if mask & select.EPOLLOUT else 0
            )
            _, running = self.together.socket_action(descriptor, action)
        if not ready:
            self.deadline = None
            _, running = self.together.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        return running


def events(*urls):
    together, statuses = pycurl.CurlMulti(), {}
    loop = Loop(together)
    handles = [handle(url) for url in urls]
    for curl in handles:
        together.add_handle(curl)
    while loop.turn():
        finished(together, statuses)
    finished(together, statuses)
    return [statuses[curl] for curl in handles]


def content(path):
    with open(path, "rb") as file:
        return file.read()


def post(path, url):
    curl = handle(url)
    curl.setopt(pycurl.POSTFIELDS, content(path))
    return [perform(curl)]


def form(path, url):
    curl = handle(url)
    file = (pycurl.FORM_FILE, path, pycurl.FORM_CONTENTTYPE, "application/octet-stream")
    curl.setopt(pycurl.HTTPPOST, [("text", "value"), ("file", file)])
    return [perform(curl)]


def upload(path, url, seekable=False):
    curl = handle(url)
    file = open(path, "rb")
    curl.setopt(pycurl.UPLOAD, 1)
    curl.setopt(pycurl.CUSTOMREQUEST, "POST")
    curl.setopt(pycurl.READFUNCTION, file.read)
    if seekable:
        curl.setopt(pycurl.SEEKFUNCTION, lambda offset, origin: file.seek(offset, origin) and None)
    return [perform(curl)]


def rewindable(path, url):
    return upload(path, url, seekable=True)


print(*globals()[sys.argv[1]](*sys.argv[2:]))
