"""CMC's views: what each encoder sees of a scene, who finds whom across two views, and what every pair of views pays and learns."""
