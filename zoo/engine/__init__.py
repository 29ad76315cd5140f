"""The heavy side: everything that touches Keras, TensorFlow, numpy or ONNX."""
