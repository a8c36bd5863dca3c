"""What a trained run finds in studies that nobody has labelled: taken in, judged, written down."""
