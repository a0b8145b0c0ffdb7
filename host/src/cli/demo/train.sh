#!/bin/sh
# A small and real training run that needs nothing but awk: gradient descent fits y = w·x + b to 200 noisy points.
# The truth behind the points is w = 3, b = 2. It writes one line every ten epochs, and model.json at the end.
set -eu
command -v nvidia-smi >/dev/null 2>&1 && echo "on $(nvidia-smi --query-gpu=name,memory.total --format=csv,noheader)"
awk 'BEGIN {
    srand(7); n = 200; rate = 0.05
    for (i = 1; i <= n; i++) { x[i] = rand() * 4 - 2; y[i] = 3 * x[i] + 2 + rand() - 0.5 }
    for (epoch = 1; epoch <= 60; epoch++) {
        loss = dw = db = 0
        for (i = 1; i <= n; i++) { e = w * x[i] + b - y[i]; loss += e * e; dw += e * x[i]; db += e }
        w -= rate * 2 * dw / n; b -= rate * 2 * db / n
        if (epoch % 10 == 0) {
            printf "epoch %2d  loss %7.4f  w %.3f  b %.3f\n", epoch, loss / n, w, b
            fflush(); system("sleep 0.5")
        }
    }
    printf "{\"w\": %.3f, \"b\": %.3f, \"loss\": %.4f}\n", w, b, loss / n > "model.json"
}'
echo "saved model.json"
