/* SPDX-License-Identifier: MIT */
const int x_audience_options;
