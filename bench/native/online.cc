// TESS in floating point, on line, compiled: golden.reference.TessLearner.learn_sample with update "step",
// a folded scale and an output bias. Only for long experiments.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace {

struct Rates {  // in the order of bench.native.online.RATES
    float gamma, theta, hard_reset, lambda_pre, lambda_post, alpha_pre, alpha_post;
    float temperature_out, rate_cost, eta_out, learn_from, softmax, softmax_out;
};

struct Layer {
    int inputs, neurons;
    float scale, eta;                   // scale: 1 / (d tau)
    float* weights;                     // [inputs][neurons]
    const float* signs;                 // [classes][neurons]
    std::vector<float> u, h, psi, v, o, m, q;
};

float hard_sigmoid(float y) { return std::clamp(y / 4 + 0.5f, 0.0f, 1.0f); }

// Logits become errors, in place.
void learning_error(std::vector<float>& y, int label, bool softmax) {
    const float top = *std::max_element(y.begin(), y.end()), classes = float(y.size());
    float sum = 0;
    if (softmax)
        for (float& value : y) sum += value = std::exp(value - top);
    for (size_t c = 0; c < y.size(); c++) {
        const float target = float(int(c) == label);
        y[c] = softmax ? y[c] / sum - target : 2 / classes * (hard_sigmoid(y[c]) - target);
    }
}

void add_scaled(float* __restrict to, const float* __restrict from, float factor, int n) {
    for (int i = 0; i < n; i++) to[i] += factor * from[i];
}

struct Learner {
    Rates r;
    int classes;
    std::vector<Layer> layers;
    float *out, *bias;                  // [neurons][classes], [classes]

    void step(Layer& l, const std::vector<int32_t>& rows, std::vector<int32_t>& spikes) {
        for (int i = 0; i < l.neurons; i++) {
            l.h[i] = r.lambda_post * l.h[i] + l.psi[i];
            l.v[i] = r.gamma * l.u[i];
        }
        std::vector<float> current(l.neurons, 0.0f);
        for (int row : rows) add_scaled(current.data(), l.weights + size_t(row) * l.neurons, 1, l.neurons);
        spikes.clear();
        for (int i = 0; i < l.neurons; i++) {
            const float v = l.v[i] + current[i], o = v > r.theta;
            l.v[i] = v, l.o[i] = o;
            l.u[i] = r.hard_reset ? v * (1 - o) : v - r.theta * o;
            l.psi[i] = 0.3f * std::max(0.0f, 1 - std::fabs(v - r.theta));
            if (o) spikes.push_back(i);
        }
        for (float& q : l.q) q *= r.lambda_pre;
        for (int row : rows) l.q[row] += 1;
    }

    void learn(Layer& l, const std::vector<int32_t>& rows, const std::vector<int32_t>& spikes, int label,
               float rate) {
        std::fill(l.m.begin(), l.m.end(), 0.0f);
        std::vector<float> errors(classes, 0.0f);
        for (int c = 0; c < classes; c++) {
            for (int i : spikes) errors[c] += l.signs[size_t(c) * l.neurons + i];
            errors[c] *= l.scale;
        }
        learning_error(errors, label, r.softmax != 0);
        bool any = r.rate_cost != 0;
        for (int c = 0; c < classes; c++) {
            if (errors[c] == 0) continue;
            any = true;
            add_scaled(l.m.data(), l.signs + size_t(c) * l.neurons, errors[c], l.neurons);
        }
        if (!any) return;
        std::vector<float> causal(l.neurons), post(l.neurons);
        for (int i = 0; i < l.neurons; i++) {
            const float m = -rate * l.eta * (l.m[i] + r.rate_cost * l.o[i]);
            causal[i] = r.alpha_pre * m * l.psi[i], post[i] = r.alpha_post * m * l.h[i];
        }
        for (int row = 0; row < l.inputs; row++)
            if (l.q[row] != 0)
                add_scaled(l.weights + size_t(row) * l.neurons, causal.data(), l.q[row], l.neurons);
        if (r.alpha_post == 0) return;
        for (int row : rows) add_scaled(l.weights + size_t(row) * l.neurons, post.data(), 1, l.neurons);
    }

    void learn_out(const std::vector<int32_t>& spikes, int label, float rate) {
        std::vector<float> e(classes);
        for (int c = 0; c < classes; c++) {
            float y = bias[c];
            for (int i : spikes) y += out[size_t(i) * classes + c];
            e[c] = y / r.temperature_out;
        }
        learning_error(e, label, r.softmax_out != 0);
        for (float& error : e) error *= -rate * r.eta_out;
        for (int i : spikes) add_scaled(out + size_t(i) * classes, e.data(), 1, classes);
        add_scaled(bias, e.data(), 1, classes);
    }

    void sample(const int64_t* offsets, const int32_t* rows, int steps, int label, float rate) {
        for (Layer& l : layers)
            for (auto* state : {&l.u, &l.h, &l.psi, &l.q}) std::fill(state->begin(), state->end(), 0.0f);
        std::vector<int32_t> inputs, spikes;
        for (int t = 0; t < steps; t++) {
            inputs.assign(rows + offsets[t], rows + offsets[t + 1]);
            for (Layer& l : layers) {
                step(l, inputs, spikes);
                if (float(t) >= r.learn_from) learn(l, inputs, spikes, label, rate);
                std::swap(inputs, spikes);
            }
            if (float(t) >= r.learn_from) learn_out(inputs, label, rate);
        }
    }
};

}  // namespace

// Weights change in place. `sizes` holds inputs, hidden layers and classes.
extern "C" void online_run(const float* rates, int layers, const int32_t* sizes, const float* scales,
                           const float* etas, float* const* weights, const float* const* signs, float* out,
                           float* bias, const int64_t* offsets, const int32_t* rows, const int32_t* labels,
                           int steps, const int64_t* order, int64_t count, float first_rate_progress,
                           float epochs) {
    Learner learner;
    std::copy(rates, rates + sizeof(Rates) / sizeof(float), reinterpret_cast<float*>(&learner.r));
    learner.classes = sizes[layers + 1], learner.out = out, learner.bias = bias;
    for (int k = 0; k < layers; k++) {
        Layer l{sizes[k], sizes[k + 1], scales[k], etas[k], weights[k], signs[k], {}, {}, {}, {}, {}, {}, {}};
        for (auto* state : {&l.u, &l.h, &l.psi, &l.v, &l.o, &l.m}) state->resize(l.neurons);
        l.q.resize(l.inputs);
        learner.layers.push_back(std::move(l));
    }
    for (int64_t k = 0; k < count; k++) {
        const double progress = (first_rate_progress + double(k) / double(count)) / epochs;
        const float rate = float(0.5 * (1 + std::cos(M_PI * progress)));
        const int64_t i = order[k];
        learner.sample(offsets + i * steps, rows, steps, labels[i], rate);
    }
}
