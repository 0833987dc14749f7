# SPDX-License-Identifier: MIT
# client.pl - WWW::Curl, as binding.sh asks.
use strict;
use warnings;
use WWW::Curl::Easy;
use WWW::Curl::Form;
use WWW::Curl::Multi;

sub handle {
    my ($url) = @_;
    my $curl = WWW::Curl::Easy->new;
    $curl->setopt(CURLOPT_URL, $url);
    $curl->setopt(CURLOPT_CAINFO, $ENV{CURL_CA_BUNDLE}) if $ENV{CURL_CA_BUNDLE};
    $curl->setopt(CURLOPT_WRITEFUNCTION, sub { length $_[0] });
    return $curl;
}

sub status {
    my ($curl, $code) = @_;
    return $code ? $curl->strerror($code) : $curl->getinfo(CURLINFO_RESPONSE_CODE);
}

sub easy {
    my $curl = handle($_[0]);
    return map { $curl->setopt(CURLOPT_URL, $_); status($curl, $curl->perform) } @_;
}

sub wait_for {
    my ($multi) = @_;
    my @sets = $multi->fdset;
    my @bits = map { my $set = ''; vec($set, $_, 1) = 1 for @$_; $set } @sets;
    select($bits[0], $bits[1], $bits[2], 0.02);
}

sub multi {
    my $multi = WWW::Curl::Multi->new;
    my (@handles, %status);
    for (@_) {
        push @handles, handle($_);
        $handles[-1]->setopt(CURLOPT_PRIVATE, scalar @handles);
        $multi->add_handle($handles[-1]);
    }
    while (%status < @handles) {
        $multi->perform;
        while (my ($id, $code) = $multi->info_read) {
            last unless $id;
            $status{$id} = status($handles[$id - 1], $code);
        }
        wait_for($multi) if %status < @handles;
    }
    return map { $status{$_} } 1 .. @handles;
}

sub content {
    open my $file, '<:raw', $_[0] or die "$_[0]: $!";
    local $/;
    return scalar <$file>;
}

sub post {
    my ($path, $url) = @_;
    my ($curl, $content) = (handle($url), content($path));
    $curl->setopt(CURLOPT_POST, 1);
    $curl->setopt(CURLOPT_POSTFIELDSIZE, length $content);
    $curl->setopt(CURLOPT_POSTFIELDS, $content);
    return status($curl, $curl->perform);
}

sub form {
    my ($path, $url) = @_;
    my ($curl, $form) = (handle($url), WWW::Curl::Form->new);
    $form->formadd('text', 'value');
    $form->formaddfile($path, 'file', 'application/octet-stream');
    $curl->setopt(CURLOPT_HTTPPOST, $form);
    return status($curl, $curl->perform);
}

sub upload {
    my ($path, $url) = @_;
    my ($curl, $content) = (handle($url), content($path));
    $curl->setopt(CURLOPT_UPLOAD, 1);
    $curl->setopt(CURLOPT_CUSTOMREQUEST, 'POST');
    $curl->setopt(CURLOPT_READFUNCTION, sub { substr $content, 0, $_[0], '' });
    return status($curl, $curl->perform);
}

my %modes = (easy => \&easy, multi => \&multi, post => \&post, form => \&form, upload => \&upload);
my $mode = shift @ARGV;
print join(' ', $modes{$mode}->(@ARGV)), "\n";
