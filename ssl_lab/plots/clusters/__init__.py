"""Clusters of features: k-means step by step, and the clusters of DeepCluster epoch by epoch."""
