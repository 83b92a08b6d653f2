"""Likely mistakes of the first hour, each recognised from pictures and times and said in one sentence."""
