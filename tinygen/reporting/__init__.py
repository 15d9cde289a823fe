# SPDX-License-Identifier: Apache-2.0
"""Results for people: tables on the console."""
