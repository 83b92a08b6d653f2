"""Inputs and outputs of a batch in object storage, such as S3, by way of fsspec."""
