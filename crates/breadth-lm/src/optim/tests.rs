use super::*;

fn one(values: &[f32]) -> Tree {
    let array = Array::new([1, values.len()], values.to_vec());
    [("w".to_string(), array)].into_iter().collect()
}

/// AdamW as its paper writes it, in `f64`.
fn reference(settings: &AdamW, gradients: &[Vec<f32>], start: &[f32]) -> Vec<f64> {
    let mut w: Vec<f64> = start.iter().map(|&v| f64::from(v)).collect();
    let (mut m, mut v) = (vec![0.0; w.len()], vec![0.0; w.len()]);
    for (t, g) in gradients.iter().enumerate() {
        let norm = g.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
        let clip = settings
            .clip_norm
            .map_or(1.0, |c| (c / (norm + 1e-6)).min(1.0));
        for i in 0..w.len() {
            let g = f64::from(g[i]) * clip;
            m[i] = settings.betas[0] * m[i] + (1.0 - settings.betas[0]) * g;
            v[i] = settings.betas[1] * v[i] + (1.0 - settings.betas[1]) * g * g;
            let m_hat = m[i] / (1.0 - settings.betas[0].powi(t as i32 + 1));
            let v_hat = v[i] / (1.0 - settings.betas[1].powi(t as i32 + 1));
            let step = m_hat / (v_hat.sqrt() + settings.epsilon) + settings.weight_decay * w[i];
            w[i] -= settings.learning_rate * step;
        }
    }
    w
}

#[test]
fn adamw_equals_its_written_out_reference() {
    let settings = AdamW {
        learning_rate: 0.05,
        weight_decay: 0.1,
        ..AdamW::default()
    };
    let gradients: Vec<Vec<f32>> = (0..20)
        .map(|t| {
            (0..5)
                .map(|i| ((t * 7 + i * 3) % 11) as f32 / 5.0 - 1.0)
                .collect()
        })
        .collect();
    let start = [0.5, -1.0, 2.0, 0.0, 3.0];
    let mut params = one(&start);
    let mut optimizer = adamw(&settings, 20, &params);
    for (step, g) in gradients.iter().enumerate() {
        let mut updates = one(g);
        optimizer.update(&mut updates, &params, step as u64);
        apply_updates(&mut params, &updates);
    }
    let exact = reference(&settings, &gradients, &start);
    for (got, exact) in params["w"].data.iter().zip(exact) {
        assert!((f64::from(*got) - exact).abs() < 1e-5, "{got} {exact}");
    }
}

#[test]
fn state_saved_and_loaded_gives_the_same_bits() {
    let settings = AdamW {
        warmup_steps: 3,
        decay_to: 0.1,
        ..AdamW::default()
    };
    let run = |break_at: Option<u64>| {
        let mut params = one(&[1.0, -2.0, 0.5]);
        let mut optimizer = adamw(&settings, 12, &params);
        for step in 0..12 {
            if break_at == Some(step) {
                let path = std::path::Path::new("memory");
                let bytes = optimizer.state().to_safetensors(path).unwrap();
                optimizer = adamw(&settings, 12, &params);
                optimizer.load(Tree::from_safetensors(&bytes, path).unwrap());
            }
            let mut updates = params.clone();
            optimizer.update(&mut updates, &params, step);
            apply_updates(&mut params, &updates);
        }
        params
    };
    for step in 0..12 {
        assert_eq!(run(Some(step)), run(None), "broken at {step}");
    }
}

#[test]
fn adamw_converges_on_a_quadratic() {
    let settings = AdamW {
        learning_rate: 0.1,
        decay_to: 0.0,
        weight_decay: 0.0,
        ..AdamW::default()
    };
    let mut params = one(&[3.0, -4.0]);
    let mut optimizer = adamw(&settings, 400, &params);
    for step in 0..400 {
        let mut updates = params.clone();
        optimizer.update(&mut updates, &params, step);
        apply_updates(&mut params, &updates);
    }
    assert!(params.global_norm() < 1e-3, "{params:?}");
}

#[test]
fn clipping_leaves_small_gradients_alone() {
    let mut clip = ClipByGlobalNorm { limit: 1.0 };
    let mut small = one(&[0.3, 0.4]);
    clip.update(&mut small, &Tree::default(), 0);
    assert_eq!(small, one(&[0.3, 0.4]));
    let mut large = one(&[30.0, 40.0]);
    clip.update(&mut large, &Tree::default(), 0);
    assert!((large.global_norm() - 1.0).abs() < 1e-6);
}

#[test]
fn decay_spares_biases() {
    let mut decay = AddDecayedWeights { rate: 0.5 };
    let mut params = one(&[2.0]);
    params.insert("b", Array::full([1], 2.0));
    let mut updates = params.zeros_like();
    decay.update(&mut updates, &params, 0);
    assert_eq!((updates["w"].data[0], updates["b"].data[0]), (1.0, 0.0));
}

#[test]
fn impossible_settings_are_named() {
    let error = |s: AdamW| {
        s.validate("train.toml: [optimizer]")
            .unwrap_err()
            .to_string()
    };
    insta::assert_snapshot!(error(AdamW { learning_rate: -1.0, ..AdamW::default() }),
        @"train.toml: [optimizer]: learning_rate = -1 must be above 0");
    insta::assert_snapshot!(error(AdamW { betas: [0.9, 1.0], ..AdamW::default() }),
        @"train.toml: [optimizer]: betas[1] = 1 must be in [0, 1)");
    insta::assert_snapshot!(error(AdamW { decay_to: f64::NAN, ..AdamW::default() }),
        @"train.toml: [optimizer]: decay_to = NaN must be in [0, 1]");
    insta::assert_snapshot!(error(AdamW { clip_norm: Some(0.0), ..AdamW::default() }),
        @"train.toml: [optimizer]: clip_norm = 0 must be above 0");
}
