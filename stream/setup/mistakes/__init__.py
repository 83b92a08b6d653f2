"""Likely mistakes of the first hour, each recognised from pictures and times and told in one sentence."""
